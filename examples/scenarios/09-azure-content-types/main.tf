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

variable "config" {
  type      = map(string)
  ephemeral = true
  default = {
    database_url = "postgresql://user:pass@host:5432/db"
    redis_url    = "redis://localhost:6379/0"
  }
}

variable "certificate" {
  type      = string
  ephemeral = true
  default   = <<-EOT
    -----BEGIN CERTIFICATE-----
    MIIDXTCCAkWgAwIBAgIJAKoK/heBjcOuMA0GCSqGSIb3DQEBBQUAMEUxCzAJBgNV
    -----END CERTIFICATE-----
  EOT
}

variable "connection" {
  type      = string
  ephemeral = true
  default   = "DefaultEndpointsProtocol=https;AccountName=example"
}

# A JSON object, with the content type application/json.
resource "coffer_secret" "config" {
  name         = "app-config"
  key_value_wo = var.config
}

resource "coffer_secret" "certificate" {
  name         = "ssl-certificate"
  value_wo     = var.certificate
  content_type = "application/x-pem-file"
}

resource "coffer_secret" "connection" {
  name     = "storage-connection"
  value_wo = var.connection
}
