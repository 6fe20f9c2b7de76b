terraform {
  required_version = ">= 1.11"

  required_providers {
    coffer = {
      source = "coffer/coffer"
    }
  }
}

# No settings: coffer keeps its own encrypted vault in ./.coffer/vault.db.
provider "coffer" {}

# Ephemeral: Terraform hands the value on and forgets it.
variable "api_token" {
  type      = string
  ephemeral = true
}

resource "coffer_secret" "api_token" {
  name     = "demo/api-token"
  value_wo = var.api_token
}
