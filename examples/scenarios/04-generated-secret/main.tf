terraform {
  required_version = ">= 1.11"

  required_providers {
    coffer = {
      source = "coffer/coffer"
    }
  }
}

provider "coffer" {}

variable "owner" {
  description = "Who answers for the database. Somebody else gets another password."
  type        = string
  default     = "anna"
}

# Nobody types it and nobody sees it: it is made at apply and stored in the vault.
resource "coffer_secret" "database" {
  name = "app/database"

  generate = {
    kind              = "password"
    length            = 40
    username          = "app"
    characters        = { lower = 1, upper = 1, digits = 1, exclude = "0O1lI" }
    keepers           = { owner = var.owner }
    rotate_after_days = 90
  }
}

# The public half may be known.
resource "coffer_secret" "deploy_key" {
  name = "app/deploy-key"

  generate = {
    kind   = "ed25519"
    format = "openssh"
  }
}

output "deploy_key" {
  value = coffer_secret.deploy_key.public_key
}

output "rotate_at" {
  value = coffer_secret.database.rotate_at
}
