# terraform apply -invoke=action.coffer_rotate.db
action "coffer_rotate" "db" {
  config {
    secret_id = "main/app/db"
    generate  = { kind = "password", length = 40 }
  }
}
