//! The protocol's statements.

use crate::catalog::statements::statements;

statements! {}
