# Metadata only: a data source is stored in the state, so it has no value to read.
data "coffer_secret" "example" {
  name = "app/database-password"
}

output "database_password_version" {
  value = data.coffer_secret.example.version
}
