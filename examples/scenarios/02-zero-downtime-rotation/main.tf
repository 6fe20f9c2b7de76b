terraform {
  required_version = ">= 1.11"

  required_providers {
    coffer = {
      source = "coffer/coffer"
    }
  }
}

provider "coffer" {}

variable "password" {
  type      = string
  ephemeral = true
  default   = "only-for-trying-out-1"
}

variable "next_password" {
  type      = string
  ephemeral = true
  default   = "only-for-trying-out-2"
}

variable "stage" {
  description = "pending: the next password waits. current: it is in use."
  type        = string
  default     = "pending"
}

# Written once; what is current later is the business of its versions.
resource "coffer_secret" "database" {
  name           = "app/database-password"
  value_wo       = var.password
  manage_content = "initial"
}

resource "coffer_secret_version" "next" {
  secret_id      = coffer_secret.database.id
  value_wo       = var.next_password
  rotation_state = var.stage
}

output "states" {
  value = coffer_secret_version.next.rotation_states
}
