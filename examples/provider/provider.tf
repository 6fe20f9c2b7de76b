terraform {
  required_providers {
    coffer = {
      source = "coffer/coffer"
    }
  }
}

# Nothing to set to begin with: one profile `local`, an embedded vault at ./.coffer/vault.db.
provider "coffer" {}

variable "api_token" {
  type      = string
  ephemeral = true
}

resource "coffer_secret" "example" {
  name     = "app/api-token"
  value_wo = var.api_token
}
