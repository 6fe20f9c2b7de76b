import {
  to = coffer_secret_version.example
  identity = {
    profile = "local"
    name    = "app/database-password"
    number  = 2
  }
}
