output "profile" {
  value = provider::coffer::parse_id("local/app/database-password").profile
}

output "name" {
  value = provider::coffer::parse_id("local/app/database-password").name
}
