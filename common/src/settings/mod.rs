//! The settings. `default.toml` beside this file holds every default and says what each means; the binary merges
//! the layers (default, file, environment, flags) and deserializes the result into [`Settings`].

mod password;
mod ranges;
mod sections;

pub use password::without_password;
pub use ranges::SettingError;
pub use sections::{
    Api, DEFAULT_TOML, Log, LogFormat, Master, Postgres, Rabbitmq, Retention, Settings, TlsMode, Worker,
};
