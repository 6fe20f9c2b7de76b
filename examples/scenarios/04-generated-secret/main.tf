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
    local = { embedded = { path = "./app.coffer" } }
  }
}

variable "release" {
  type    = string
  default = "1"
}

# Made at apply and kept; another release makes another one, and so do 90 days.
resource "coffer_secret" "database" {
  name = "app/database-password"

  generate = {
    kind              = "password"
    length            = 40
    characters        = { lower = 1, upper = 1, digits = 4, exclude = "0O1lI" }
    rotate_after_days = 90

    keepers = {
      release = var.release
    }
  }
}

# The private half stays in the vault; the public one can be handed on.
resource "coffer_secret" "deploy" {
  name     = "app/deploy-key"
  generate = { kind = "ed25519", format = "openssh" }
}

output "deploy_key" {
  value = coffer_secret.deploy.public_key
}
