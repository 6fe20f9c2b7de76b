# The id is the profile and the name, with a slash between them.
terraform import coffer_secret.example local/app/database-password
