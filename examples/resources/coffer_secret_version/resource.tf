variable "database_password" {
  type      = string
  ephemeral = true
}

variable "next_database_password" {
  type      = string
  ephemeral = true
}

# The secret writes its first version only; later ones are managed below.
resource "coffer_secret" "database" {
  name           = "app/database-password"
  value_wo       = var.database_password
  manage_content = "initial"
}

# Uploaded beside the current version, unseen by readers. Change "pending" to "current" to
# promote it.
resource "coffer_secret_version" "example" {
  secret_id      = coffer_secret.database.id
  value_wo       = var.next_database_password
  rotation_state = "pending"
}
