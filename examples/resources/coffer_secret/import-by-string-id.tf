import {
  to = coffer_secret.example
  id = "local/app/database-password"
}
