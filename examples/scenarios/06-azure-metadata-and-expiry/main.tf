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

variable "api_key" {
  type      = string
  ephemeral = true
  default   = "sk-only-for-trying-out"
}

resource "coffer_secret" "api_key" {
  name         = "api-key"
  value_wo     = var.api_key
  content_type = "text/plain"
  expires_at   = "2099-12-31T00:00:00Z"

  tags = {
    environment = "production"
    service     = "payment-api"
    owner       = "team-beta"
  }
}
