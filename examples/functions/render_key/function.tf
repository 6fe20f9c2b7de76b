# "prod-database-password"
output "key" {
  value = provider::coffer::render_key("{{environment}}-{{secretKey}}", "database-password", { environment = "prod" })
}
