# terraform apply -invoke=action.coffer_recover.db
action "coffer_recover" "db" {
  config {
    secret_id = "main/app/db"
  }
}
