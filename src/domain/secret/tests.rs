//! The grammar of names and ids.

use proptest::prelude::*;

use super::*;

#[test]
fn names_keep_the_general_rules() {
    let longest = "x".repeat(512);
    for good in ["a", "app/db-password", "with space", "ünï/cödé", ".hidden", "a..b", &longest]
    {
        assert_eq!(SecretName::parse(good).unwrap().as_str(), good);
    }
    let longer = "x".repeat(513);
    for (bad, says) in [
        ("", "must not be empty"),
        (longer.as_str(), "at most 512 bytes, this one has 513"),
        ("a#b", r##"contains '#'"##),
        ("a\nb", r"contains '\n'"),
        ("/a", "begin or end with"),
        ("a/", "begin or end with"),
        ("a//b", r#"has """#),
        ("a/./b", r#"has ".""#),
        ("..", r#"has "..""#),
    ] {
        let message = SecretName::parse(bad).unwrap_err().to_string();
        assert!(message.contains(says), "{message}");
    }
}

#[test]
fn id_is_cut_at_the_first_slash() {
    let id: SecretId = "main/app/db".parse().unwrap();
    assert_eq!((id.profile.as_str(), id.name.as_str()), ("main", "app/db"));
    assert_eq!(
        "main".parse::<SecretId>().unwrap_err().to_string(),
        r#""main" is not an id of the form <profile>/<name>, such as main/app/db-password: there is no "/""#
    );
    let message = "no good/x".parse::<SecretId>().unwrap_err().to_string();
    assert!(message.contains("1 to 64 ASCII letters"), "{message}");
    let message = "main/".parse::<SecretId>().unwrap_err().to_string();
    assert!(message.contains("must not be empty"), "{message}");
}

#[test]
fn version_id_ends_with_a_plain_number() {
    let id: VersionId = "main/app/db#12".parse().unwrap();
    assert_eq!((id.secret.name.as_str(), id.number), ("app/db", 12));
    for bad in [
        "main/a",
        "main/a#",
        "main/a#0",
        "main/a#01",
        "main/a#+1",
        "main/a#-1",
        "main/a#1x",
        "main/a#99999999999999999999",
        "main/a#1#2",
        "a#1",
    ] {
        let message = bad.parse::<VersionId>().unwrap_err().to_string();
        assert!(message.contains("<profile>/<name>#<number>"), "{message}");
    }
}

proptest! {
    #[test]
    fn ids_that_parse_print_the_same_text(text in "[a-z_-]{0,3}/?[a-z./ é]{0,6}(#[0-9]{0,3})?|\\PC*") {
        if let Ok(id) = text.parse::<SecretId>() {
            prop_assert_eq!(id.to_string(), text.clone());
        }
        if let Ok(id) = text.parse::<VersionId>() {
            prop_assert_eq!(id.to_string(), text);
        }
    }

    #[test]
    fn ids_made_of_parts_parse_back(profile in "[A-Za-z0-9_-]{1,64}", name in "[a-z]{1,4}(/[a-z.]{1,3}x){0,3}", number in 1_u64..) {
        let id = SecretId::new(profile.parse().unwrap(), name.parse().unwrap());
        prop_assert_eq!(&id.to_string().parse::<SecretId>().unwrap(), &id);
        let version = VersionId::new(id, number);
        prop_assert_eq!(version.to_string().parse::<VersionId>().unwrap(), version);
    }
}
