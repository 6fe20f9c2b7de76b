# terraform apply -invoke=action.coffer_rollback.db
action "coffer_rollback" "db" {
  config {
    secret_id = "main/app/db"
  }
}
