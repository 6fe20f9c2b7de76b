# The value exists only while Terraform runs: it is not in the state and not in the plan.
ephemeral "coffer_secret" "example" {
  name = "app/database-password"
}

# Hand it to a write-only argument, a provider or another ephemeral resource.
resource "coffer_secret" "copy" {
  name     = "app/database-password-copy"
  value_wo = ephemeral.coffer_secret.example.value
}
