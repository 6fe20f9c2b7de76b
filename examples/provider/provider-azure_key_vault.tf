# Who signs in comes from AZURE_* variables, a managed identity or `az login`.
provider "coffer" {
  profiles = {
    prod = {
      azure_key_vault = {
        vault_url = "https://example.vault.azure.net"
      }
      drift_detection = "metadata"
      tags            = { managed-by = "coffer" }
    }
  }
}
