terraform {
  required_providers {
    coffer = {
      source = "coffer/coffer"
    }
  }
}

variable "vault_id" {
  description = "OCID of the vault to which secrets are copied"
  type        = string
}

variable "key_id" {
  description = "OCID of the key in it that encrypts secrets"
  type        = string
}

variable "compartment_id" {
  description = "OCID of the compartment in which the copies are created"
  type        = string
}

variable "my_secrets" {
  description = "Values of DATABASE_URL and API_TOKEN"
  type        = map(string)
  ephemeral   = true
}

variable "sync_trigger" {
  description = "Any other text starts a run; of use with auto_sync = false"
  type        = string
  default     = null
}

provider "coffer" {
  default_profile = "dev"

  profiles = {
    # The environment, and the connection, of the request.
    dev = { embedded = { path = "dev.db" } }
    my-oci-connection = {
      oci_vault = {
        vault_id       = var.vault_id
        compartment_id = var.compartment_id
        key_id         = var.key_id
      }
    }
  }
}

# What lies under the secret path of the request.
resource "coffer_secret" "my_secrets" {
  for_each = toset(["DATABASE_URL", "API_TOKEN"])
  name     = each.key
  value_wo = var.my_secrets[each.key]
  tags     = { path = "my-secrets" }
}

resource "coffer_secret_sync" "my_oci_vault_sync" {
  name        = "my-oci-vault-sync"
  description = "an example sync"
  enabled     = true

  source = {
    profile = "dev"
    secrets = [for secret in coffer_secret.my_secrets : secret.id]
  }

  destinations = {
    oci-vault = { profile = "my-oci-connection" }
  }

  initial_sync_behavior = "overwrite_destination"
  sync_trigger          = var.sync_trigger
}

# The answer to the request, in its words.
output "secret_sync" {
  value = {
    id              = coffer_secret_sync.my_oci_vault_sync.id
    name            = coffer_secret_sync.my_oci_vault_sync.name
    description     = coffer_secret_sync.my_oci_vault_sync.description
    isEnabled       = coffer_secret_sync.my_oci_vault_sync.enabled
    syncStatus      = coffer_secret_sync.my_oci_vault_sync.status == "synced" ? "succeeded" : "failed"
    lastSyncMessage = coffer_secret_sync.my_oci_vault_sync.last_message
    lastSyncedAt    = coffer_secret_sync.my_oci_vault_sync.last_synced_at
    syncOptions = {
      initialSyncBehavior = replace(coffer_secret_sync.my_oci_vault_sync.initial_sync_behavior, "_", "-")
    }
  }
}

# What the request does not tell: every copy.
output "copies" {
  value = {
    for name, copy in coffer_secret_sync.my_oci_vault_sync.results["oci-vault"] :
    name => "${copy.result} at ${copy.synced_at}"
  }
}
