# All API keys of the application.
data "coffer_secrets" "example" {
  name_prefix = "app/"
  types       = ["api_key"]
}

output "api_keys" {
  value = data.coffer_secrets.example.secrets[*].name
}
