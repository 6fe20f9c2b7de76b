import {
  to = coffer_secret_version.example
  id = "local/app/database-password#2"
}
