//! Azure Key Vault: the vendor's clients judge the fake, and the fake judges ours.

mod judges;
