//! Rows of typed columns: what a variable of type `table` holds. Pure; holds its own bounds.

use crate::value::{DataType, Value};

/// Most rows of a variable.
pub const ROWS_MAX: usize = 100_000;
/// Most memory of a variable's rows, in bytes: of each value what it takes by itself, and of a text its length.
pub const ROWS_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A column of a `table`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name, unique in the table.
    pub name: String,
    /// Its type; never [`DataType::Table`].
    pub data_type: DataType,
}

/// Rows, each with a value for every column, in the columns' order.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    width: usize,
    /// Row after row.
    cells: Vec<Value>,
    bytes: usize,
}

/// A row that is too much for a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RowsFull {
    /// More than [`ROWS_MAX`].
    #[error("a variable holds at most {ROWS_MAX} rows")]
    Count,
    /// More than [`ROWS_BYTES_MAX`].
    #[error("a variable holds at most 16 MiB of rows")]
    Bytes,
}

impl Rows {
    /// No rows of `width` columns, of which there is at least one.
    pub fn new(width: usize) -> Rows {
        Rows { width: width.max(1), cells: Vec::new(), bytes: 0 }
    }

    /// Puts a row behind the others.
    ///
    /// # Errors
    /// There is no room; nothing is changed then.
    ///
    /// # Panics
    /// It has not as many values as there are columns.
    pub fn push(&mut self, row: Vec<Value>) -> Result<(), RowsFull> {
        assert_eq!(row.len(), self.width, "a row has a value for every column");
        if self.count() >= ROWS_MAX {
            return Err(RowsFull::Count);
        }
        let bytes = self.bytes + row.iter().map(bytes_of).sum::<usize>();
        if bytes > ROWS_BYTES_MAX {
            return Err(RowsFull::Bytes);
        }
        self.bytes = bytes;
        self.cells.extend(row);
        Ok(())
    }

    /// Their memory, in bytes, counted as for [`ROWS_BYTES_MAX`].
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many rows there are.
    pub fn count(&self) -> usize {
        self.cells.len() / self.width
    }

    /// The values of the row `index`, from 0.
    pub fn get(&self, index: usize) -> Option<&[Value]> {
        self.cells.chunks_exact(self.width).nth(index)
    }

    /// All rows, in order.
    pub fn iter(&self) -> impl Iterator<Item = &[Value]> {
        self.cells.chunks_exact(self.width)
    }
}

fn bytes_of(value: &Value) -> usize {
    size_of::<Value>() + value.bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_bounded_by_count_and_memory() {
        let mut rows = Rows::new(1);
        for number in 0..100_000 {
            rows.push(vec![Value::Int64(number)]).unwrap();
        }
        assert_eq!(rows.push(vec![Value::Null]), Err(RowsFull::Count));
        assert_eq!((rows.count(), rows.get(99_999)), (ROWS_MAX, Some(&[Value::Int64(99_999)][..])));
        // What docs/packages.md tells.
        assert!(size_of::<Value>() <= 32);
        let mut rows = Rows::new(2);
        let long = || vec![Value::String("x".repeat(1 << 20)), Value::Null];
        (0..15).for_each(|_| rows.push(long()).unwrap());
        assert_eq!(rows.push(long()), Err(RowsFull::Bytes));
        assert_eq!((rows.count(), rows.iter().count(), rows.get(15)), (15, 15, None));
    }
}
