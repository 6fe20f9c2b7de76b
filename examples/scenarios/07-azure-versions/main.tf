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

variable "connection" {
  type      = string
  ephemeral = true
  default   = "Server=old-server;Database=app"
}

variable "next_connection" {
  type      = string
  ephemeral = true
  default   = "Server=new-server;Database=app"
}

resource "coffer_secret" "connection" {
  name           = "connection-string"
  value_wo       = var.connection
  manage_content = "initial"
}

resource "coffer_secret_version" "next" {
  secret_id      = coffer_secret.connection.id
  value_wo       = var.next_connection
  rotation_state = "current"
}

data "coffer_secret_versions" "connection" {
  secret_id = coffer_secret_version.next.secret_id
}

output "versions" {
  value = data.coffer_secret_versions.connection.versions
}
