terraform {
  required_version = ">= 1.11"

  required_providers {
    coffer = {
      source = "coffer/coffer"
    }
  }
}

provider "coffer" {}

variable "first" {
  type      = string
  ephemeral = true
  default   = "only-for-trying-out-1"
}

variable "second" {
  type      = string
  ephemeral = true
  default   = "only-for-trying-out-2"
}

variable "number" {
  description = "Number of the version that is in use."
  type        = number
  default     = 2
}

resource "coffer_secret" "token" {
  name           = "app/api-token"
  api_key_wo     = var.first
  manage_content = "initial"
}

resource "coffer_secret_version" "second" {
  secret_id  = coffer_secret.token.id
  api_key_wo = var.second
}

# Picks a version that exists. Nothing is uploaded.
resource "coffer_secret_version" "in_use" {
  secret_id      = coffer_secret.token.id
  number         = var.number
  rotation_state = "current"
  depends_on     = [coffer_secret_version.second]
}

output "fingerprint" {
  value = coffer_secret_version.in_use.fingerprint
}
