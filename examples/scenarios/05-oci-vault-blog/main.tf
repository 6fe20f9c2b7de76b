terraform {
  required_providers {
    coffer = {
      source = "coffer/coffer"
    }
  }
}

variable "vault_id" {
  description = "OCID of the vault"
  type        = string
}

variable "key_id" {
  description = "OCID of the key in it that encrypts secrets"
  type        = string
}

variable "compartment_id" {
  description = "OCID of the compartment in which the secret is created"
  type        = string
}

variable "target_compartment_id" {
  description = "OCID of the compartment to which it is moved"
  type        = string
}

variable "moved" {
  description = "Whether the secret lies in the target compartment"
  type        = bool
  default     = false
}

variable "database_password" {
  type      = string
  ephemeral = true
}

provider "coffer" {
  default_profile = "oci"

  profiles = {
    oci = {
      oci_vault = {
        vault_id              = var.vault_id
        compartment_id        = var.compartment_id
        other_compartment_ids = [var.target_compartment_id]
        key_id                = var.key_id
      }
    }
  }
}

# create_secret, create_newsecret_version, move_secret and delete_secret of the article.
resource "coffer_secret" "database_password" {
  name        = "database-password"
  description = "This is just a test"
  value_wo    = var.database_password

  recovery_window_days = 2

  options = {
    oci_vault = {
      compartment_id = var.moved ? var.target_compartment_id : var.compartment_id
    }
  }
}

# read_secret_value of the article; the value reaches neither state nor plan.
ephemeral "coffer_secret" "database_password" {
  id = coffer_secret.database_password.id
}

output "secret_id" {
  value = coffer_secret.database_password.backend_id
}
