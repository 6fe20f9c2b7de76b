# The id is the profile and the name, with a slash between them, and the number after a hash.
terraform import coffer_secret_version.example 'local/app/database-password#2'
