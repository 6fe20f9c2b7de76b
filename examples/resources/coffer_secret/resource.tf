variable "database_password" {
  type      = string
  ephemeral = true
}

# A text. Change the value of the variable, and nothing else, to store a new version.
resource "coffer_secret" "example" {
  name        = "app/database-password"
  value_wo    = var.database_password
  description = "Password of the application's database user"

  tags = {
    environment = "production"
  }
}

# A user name with its password.
resource "coffer_secret" "login" {
  name = "app/database-login"

  basic_auth_wo = {
    username = "app"
    password = var.database_password
  }

  deletion_policy      = "recoverable"
  recovery_window_days = 14
}

# Settings that belong together.
resource "coffer_secret" "settings" {
  name = "app/settings"

  key_value_wo = {
    DATABASE_USER     = "app"
    DATABASE_PASSWORD = var.database_password
  }
}
