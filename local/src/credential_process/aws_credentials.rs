use std::path::{Path, PathBuf};

use anyhow::Context;
use berth_registry::access::Secret;
use configparser::ini::Ini;

use super::AwsOptions;

/// Credentials of AWS.
#[derive(Clone, Debug)]
pub(super) struct AwsCredentials {
    pub(super) access_key_id: String,
    pub(super) secret_access_key: Secret,
    pub(super) session_token: Option<Secret>,
}

impl AwsCredentials {
    /// Finds credentials as AWS's clients do: those of the environment, unless a profile is asked
    /// for, or else those of a profile in the
    /// [shared files](https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html).
    pub(super) fn find(profile: Option<&str>, options: AwsOptions) -> anyhow::Result<Self> {
        if let (None, Some(access_key_id), Some(secret_access_key)) =
            (profile, options.aws_access_key_id, options.aws_secret_access_key)
        {
            let session_token = options.aws_session_token;
            return Ok(Self { access_key_id, secret_access_key, session_token });
        }
        let profile = profile.or(options.aws_profile.as_deref()).unwrap_or("default");
        let folder = std::env::home_dir().unwrap_or_default().join(".aws");
        let file = |named: Option<PathBuf>, name: &str| named.unwrap_or_else(|| folder.join(name));
        let credentials = file(options.aws_shared_credentials_file, "credentials");
        if let Some(found) = Self::read(&credentials, profile)? {
            return Ok(found);
        }
        let section = match profile {
            "default" => profile.to_owned(),
            name => format!("profile {name}"),
        };
        let config = file(options.aws_config_file, "config");
        Self::read(&config, &section)?.with_context(|| {
            format!(
                "no access key of the profile `{profile}` in {} or {}: for other kinds of \
                 credentials, run `aws configure export-credentials --profile {profile} --format env` \
                 and set what it prints",
                credentials.display(),
                config.display()
            )
        })
    }

    /// Reads a section of a file; `None` if there is no file, or no access key in it.
    fn read(path: &Path, section: &str) -> anyhow::Result<Option<Self>> {
        if !path.is_file() {
            return Ok(None);
        }
        let mut file = Ini::new_cs();
        // Secrets may hold the characters of comments.
        file.set_inline_comment_symbols(Some(&[]));
        let loaded = file.load(path).map_err(anyhow::Error::msg);
        loaded.with_context(|| path.display().to_string())?;
        let value = |key: &str| file.get(section, key);
        let (id, secret) = (value("aws_access_key_id"), value("aws_secret_access_key"));
        let (Some(access_key_id), Some(secret)) = (id, secret) else { return Ok(None) };
        let session_token = value("aws_session_token").map(Secret::new);
        let secret_access_key = Secret::new(secret);
        Ok(Some(Self { access_key_id, secret_access_key, session_token }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    const CREDENTIALS: &str = "# Keys.\n[default]\naws_access_key_id = AKIADEFAULT\n\
        aws_secret_access_key = a/b+c\\d#;=\n\n[work]\naws_access_key_id=ASIAWORK\n\
        aws_secret_access_key=w\naws_session_token=t==\n";
    const CONFIG: &str = "[default]\nregion = eu-west-1\ns3 =\n  max_queue_size = 1000\n\n\
        [profile late]\naws_access_key_id = AKIALATE\naws_secret_access_key = l\n\
        [profile role]\nrole_arn = arn:aws:iam::111122223333:role/ci\n";

    fn options(folder: &TempDir) -> AwsOptions {
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            Some(path)
        };
        AwsOptions {
            aws_access_key_id: None,
            aws_secret_access_key: None,
            aws_session_token: None,
            aws_profile: None,
            aws_shared_credentials_file: file("credentials", CREDENTIALS),
            aws_config_file: file("config", CONFIG),
        }
    }

    #[track_caller]
    fn check(profile: Option<&str>, options: AwsOptions, id: &str, secret: &str) {
        let found = AwsCredentials::find(profile, options).unwrap();
        assert_eq!(found.access_key_id, id);
        assert_eq!(found.secret_access_key.reveal(), secret);
        assert_eq!(found.session_token.is_some(), id.starts_with("ASIA"));
    }

    #[test]
    fn profiles_are_found_in_both_files() {
        let folder = tempfile::tempdir().unwrap();
        check(None, options(&folder), "AKIADEFAULT", "a/b+c\\d#;=");
        check(Some("work"), options(&folder), "ASIAWORK", "w");
        check(Some("late"), options(&folder), "AKIALATE", "l");
        let named = AwsOptions { aws_profile: Some("late".to_owned()), ..options(&folder) };
        check(None, named.clone(), "AKIALATE", "l");
        check(Some("work"), named, "ASIAWORK", "w");
    }

    #[test]
    fn the_environment_goes_before_the_files() {
        let folder = tempfile::tempdir().unwrap();
        let environment = AwsOptions {
            aws_access_key_id: Some("ASIAENV".to_owned()),
            aws_secret_access_key: Some(Secret::new("e".to_owned())),
            aws_session_token: Some(Secret::new("t".to_owned())),
            ..options(&folder)
        };
        check(None, environment.clone(), "ASIAENV", "e");
        check(Some("late"), environment, "AKIALATE", "l");
    }

    #[test]
    fn what_has_no_access_key_is_said() {
        let folder = tempfile::tempdir().unwrap();
        for profile in ["role", "none"] {
            let error = AwsCredentials::find(Some(profile), options(&folder)).unwrap_err();
            assert!(error.to_string().contains("export-credentials"), "{error}");
        }
    }
}
