terraform {
  required_version = ">= 1.11"

  required_providers {
    coffer = {
      source = "coffer/coffer"
    }
  }
}

provider "coffer" {
  profiles = {
    prod = {
      azure_key_vault = {
        vault_url = "https://example.vault.azure.net"
      }
    }
  }
}

variable "value" {
  type      = string
  ephemeral = true
  default   = "only-for-trying-out"
}

resource "coffer_secret" "important" {
  name            = "important-secret"
  value_wo        = var.value
  deletion_policy = "recoverable"
  on_existing     = "recover"
}
