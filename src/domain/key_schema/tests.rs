//! Schemas parse strictly, render and invert, and tell collisions.

use proptest::prelude::*;

use super::*;

fn schema(text: &str) -> KeySchema {
    text.parse().unwrap()
}

fn production() -> Values {
    Values::from([(Placeholder::Environment, "prod".to_owned())])
}

#[test]
fn schema_is_template_filter_and_inverse() {
    let schema = schema("{{environment}}/{{secretKey}}.v1");
    let name = schema.render("app/db", &production()).unwrap();
    assert_eq!(name.as_str(), "prod/app/db.v1");
    let invert = |name| schema.invert(name, &production()).unwrap();
    assert_eq!(invert("prod/app/db.v1").as_deref(), Some("app/db"));
    for foreign in ["prod/.v1", "prod.v1", "stage/app.v1", "prod/app", "x/prod/app.v1", ""] {
        assert_eq!(invert(foreign), None, "{foreign}");
    }
    assert_eq!(KeySchema::identity().to_string(), "{{secretKey}}");
    assert_eq!(KeySchema::identity().render("a", &Values::new()).unwrap().as_str(), "a");
}

#[test]
fn placeholders_without_a_value_are_told() {
    let schema = schema("{{profile}}-{{secretKey}}-{{versionState}}");
    let values = Values::from([(Placeholder::Profile, "main".to_owned())]);
    let message = schema.render("k", &values).unwrap_err().to_string();
    assert_eq!(message, "the key schema contains {{versionState}}, which has no value here");
    assert!(schema.invert("main-k-current", &values).is_err());
    let names: Vec<_> = schema.placeholders().map(Placeholder::name).collect();
    assert_eq!(names, ["profile", "versionState"]);
}

#[test]
fn results_that_are_no_names_are_refused() {
    let render =
        |text: &str, key: &str| schema(text).render(key, &Values::new()).unwrap_err().to_string();
    assert_eq!(render("{{secretKey}}", ""), "the key is empty");
    assert!(render("/{{secretKey}}", "a").contains(r#"gives the name "/a""#));
    assert!(render("x/{{secretKey}}", "..").contains("must not have"));
}

#[test]
fn texts_that_are_not_schemas_are_refused_with_the_reason() {
    let long = "x".repeat(256);
    for (text, says) in [
        ("", "exactly once, this one does not contain it"),
        ("{{environment}}", "exactly once, this one does not contain it"),
        ("{{secretKey}}{{secretKey}}", "exactly once, this one contains it more often"),
        ("{{secretkey}}", "knows no placeholder {{secretkey}}; it knows {{secretKey}}, {{env"),
        ("{{ secretKey }}", "knows no placeholder {{ secretKey }}"),
        ("{{secretKey", "does not end with }}"),
        ("{{{secretKey}}}", "knows no placeholder {{{secretKey}}"),
        ("a}}{{secretKey}}", "contains '}'"),
        ("a b{{secretKey}}", "contains ' '"),
        ("é{{secretKey}}", "contains 'é'"),
        (&long, "at most 255 characters, this one has 256"),
    ] {
        let message = text.parse::<KeySchema>().unwrap_err().to_string();
        assert!(message.contains(says), "{text}: {message}");
    }
}

#[test]
fn keys_that_would_share_a_name_are_told() {
    let names = ["A", "a", "b"].map(|key| SecretName::parse(key).unwrap());
    let pairs = || names.iter().map(|name| (name.as_str(), name)).collect::<Vec<_>>();
    assert!(collisions(pairs(), true).is_empty());
    let found = collisions(pairs(), false);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].to_string(), r#"the keys "A", "a" would share the name "A""#);
    assert!(collisions([("a", &names[1]), ("a", &names[1])], true).is_empty());
    let translated = [("a_b", &names[2]), ("a-b", &names[2])];
    assert_eq!(collisions(translated, true)[0].keys, ["a_b", "a-b"]);
}

#[test]
fn characters_foreign_to_the_vault_are_found_in_the_schema() {
    let vault = crate::domain::port::Capability {
        versions: true,
        max_versions: None,
        max_value_bytes: 1,
        empty_values: true,
        max_name_bytes: 127,
        name_punctuation: "-",
        unicode_names: false,
        case_sensitive_names: false,
        max_tags: 15,
        max_tag_value_chars: 256,
        max_description_chars: 1024,
        compare_and_set: false,
        soft_delete: None,
        purge: true,
        delete_versions: true,
        disable: true,
        pending_versions: false,
        metadata_without_values: true,
        validity_times: true,
        backup: true,
        lists: crate::domain::port::Lists::Partial,
    };
    assert_eq!(schema("{{type}}-{{secretKey}}").foreign_character(&vault), None);
    assert_eq!(schema("a-{{secretKey}}_b/").foreign_character(&vault), Some('_'));
}

fn schemas() -> impl Strategy<Value = String> {
    let part = || "([a-z/._-]{0,3}(\\{\\{(environment|type)\\}\\})?){0,2}";
    (part(), part()).prop_map(|(before, after)| format!("{before}{{{{secretKey}}}}{after}"))
}

proptest! {
    #[test]
    fn render_and_invert_undo_each_other(text in schemas(), key in "[a-z/.]{1,5}", name in "[a-z/.-]{1,9}") {
        let schema = schema(&text);
        prop_assert_eq!(schema.to_string(), text);
        let values = Values::from([
            (Placeholder::Environment, "e".to_owned()),
            (Placeholder::Type, "generic".to_owned()),
        ]);
        if let Ok(name) = schema.render(&key, &values) {
            let inverse = schema.invert(name.as_str(), &values).unwrap();
            prop_assert_eq!(inverse, Some(key));
        }
        if let (Some(key), Ok(name)) = (schema.invert(&name, &values).unwrap(), SecretName::parse(&name)) {
            prop_assert_eq!(schema.render(&key, &values).unwrap(), name);
        }
    }

    #[test]
    fn parse_of_any_text_does_not_panic_and_prints_back(text in "[{}a-zK]{0,30}|(\\{\\{[a-zA-Z]{0,12}\\}\\}|[a{}]){0,4}|\\PC*") {
        if let Ok(schema) = text.parse::<KeySchema>() {
            prop_assert_eq!(schema.to_string(), text);
        }
    }
}
