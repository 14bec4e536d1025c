//! The operators: symbols and precedence, as SSIS has them.

/// An operator in front of its operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UnaryOperator {
    Negate,
    Not,
    Complement,
}

impl UnaryOperator {
    pub(super) const ALL: [UnaryOperator; 3] =
        [UnaryOperator::Negate, UnaryOperator::Not, UnaryOperator::Complement];

    pub(super) fn symbol(self) -> &'static str {
        match self {
            UnaryOperator::Negate => "-",
            UnaryOperator::Not => "!",
            UnaryOperator::Complement => "~",
        }
    }
}

/// An operator between its operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BinaryOperator {
    Multiply,
    Divide,
    Modulo,
    Add,
    Subtract,
    Less,
    Greater,
    LessOrEqual,
    GreaterOrEqual,
    Equal,
    Unequal,
    BitAnd,
    BitXor,
    BitOr,
    And,
    Or,
}

/// How tight operators bind: the greater, the tighter. `? :` binds least.
pub(super) const CONDITIONAL_PRECEDENCE: u8 = 1;
/// Unary operators and casts.
pub(super) const UNARY_PRECEDENCE: u8 = 11;

impl BinaryOperator {
    pub(super) const ALL: [BinaryOperator; 16] = [
        BinaryOperator::Multiply,
        BinaryOperator::Divide,
        BinaryOperator::Modulo,
        BinaryOperator::Add,
        BinaryOperator::Subtract,
        BinaryOperator::Less,
        BinaryOperator::Greater,
        BinaryOperator::LessOrEqual,
        BinaryOperator::GreaterOrEqual,
        BinaryOperator::Equal,
        BinaryOperator::Unequal,
        BinaryOperator::BitAnd,
        BinaryOperator::BitXor,
        BinaryOperator::BitOr,
        BinaryOperator::And,
        BinaryOperator::Or,
    ];

    pub(super) fn symbol(self) -> &'static str {
        match self {
            BinaryOperator::Multiply => "*",
            BinaryOperator::Divide => "/",
            BinaryOperator::Modulo => "%",
            BinaryOperator::Add => "+",
            BinaryOperator::Subtract => "-",
            BinaryOperator::Less => "<",
            BinaryOperator::Greater => ">",
            BinaryOperator::LessOrEqual => "<=",
            BinaryOperator::GreaterOrEqual => ">=",
            BinaryOperator::Equal => "==",
            BinaryOperator::Unequal => "!=",
            BinaryOperator::BitAnd => "&",
            BinaryOperator::BitXor => "^",
            BinaryOperator::BitOr => "|",
            BinaryOperator::And => "&&",
            BinaryOperator::Or => "||",
        }
    }

    /// All of them associate to the left.
    pub(super) fn precedence(self) -> u8 {
        match self {
            BinaryOperator::Multiply | BinaryOperator::Divide | BinaryOperator::Modulo => 10,
            BinaryOperator::Add | BinaryOperator::Subtract => 9,
            BinaryOperator::Less
            | BinaryOperator::Greater
            | BinaryOperator::LessOrEqual
            | BinaryOperator::GreaterOrEqual => 8,
            BinaryOperator::Equal | BinaryOperator::Unequal => 7,
            BinaryOperator::BitAnd => 6,
            BinaryOperator::BitXor => 5,
            BinaryOperator::BitOr => 4,
            BinaryOperator::And => 3,
            BinaryOperator::Or => 2,
        }
    }
}
