variable "vault_id" {
  type = string
}

variable "compartment_id" {
  type = string
}

variable "key_id" {
  type = string
}

# Who signs in comes from ~/.oci/config or the environment.
provider "coffer" {
  profiles = {
    prod = {
      oci_vault = {
        vault_id       = var.vault_id
        compartment_id = var.compartment_id
        key_id         = var.key_id
        region         = "eu-frankfurt-1"
      }
      drift_detection = "metadata"
      tags            = { managed-by = "coffer" }
    }
  }
}
