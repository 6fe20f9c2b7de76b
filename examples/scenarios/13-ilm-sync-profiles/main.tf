terraform {
  required_providers {
    coffer = {
      source = "coffer/coffer"
    }
  }
}

provider "coffer" {
  default_profile = "source"
  profiles = {
    source = {
      embedded = { path = "source.db" }
      sync_to  = var.sync_profiles
    }
    production = { embedded = { path = "production.db" } }
    recovery   = { embedded = { path = "recovery.db" } }
    partner    = { embedded = { path = "partner.db" } }
  }
}

variable "sync_profiles" {
  type    = set(string)
  default = ["production", "recovery"]
}

variable "api_token" {
  type      = string
  ephemeral = true
}

resource "coffer_secret" "token" {
  name            = "app/api-token"
  value_wo        = var.api_token
  deletion_policy = "destroy"
}

# The password is nobody's to type; its copies follow every rotation.
resource "coffer_secret" "password" {
  name            = "app/database-password"
  deletion_policy = "destroy"
  generate = {
    kind              = "password"
    rotate_after_days = 90
  }
}

output "copies" {
  value = {
    for profile, copy in coffer_secret.token.sync_targets : profile => copy.result
  }
}
