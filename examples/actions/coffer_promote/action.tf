resource "coffer_secret_version" "next" {
  secret_id      = "main/app/db"
  value_wo       = var.next_password
  rotation_state = "pending"
}

# terraform apply -invoke=action.coffer_promote.db
action "coffer_promote" "db" {
  config {
    secret_id = "main/app/db"
  }
}

variable "next_password" {
  type      = string
  ephemeral = true
}
