//! The requests' statements.

use crate::catalog::statements::statements;

statements! {}
