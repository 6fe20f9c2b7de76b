import {
  to = coffer_secret.example
  identity = {
    profile = "local"
    name    = "app/database-password"
  }
}
