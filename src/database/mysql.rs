//! The client of Rocks' MySQL or MariaDB.

use std::io::ErrorKind;
use std::path::PathBuf;

use mysql::consts::CapabilityFlags;
use mysql::prelude::Queryable;
use mysql::{AccessMode, Conn, Error, Opts, OptsBuilder, Params, TxOpts, Value};

use crate::database::DEADLINE;
use crate::database::error::Cause;
use crate::database::session::{Cell, Fault, Locking, Row, Session};
use crate::database::url::Server;

/// Latin1, as Rocks' own clients use, so that bytes pass unchanged. Strict mode, so that the server
/// refuses a value that is too long instead of truncating it.
const SETTINGS: &str = "SET NAMES latin1, SESSION sql_mode = 'STRICT_ALL_TABLES'";
/// Set here so that connecting does not query the server for it.
const PACKET_BYTES_MAX: usize = 16 * 1024 * 1024;
/// More than the largest cluster needs, and little enough for this machine's memory.
const ANSWER_BYTES_MAX: usize = 256 * 1024 * 1024;
/// The server's public key, to encrypt a password with: a path that does not exist. Without it the client
/// library would request the key from the server, and so send the password to an impostor. Rocks'
/// accounts need no key.
const NO_KEY: &str = "/dev/null/none";

/// Connects to `server`. May never return: the caller has a deadline.
pub(super) fn connect(server: &Server) -> Result<Conn, Fault> {
    Conn::new(options(server)).map_err(|error| match error {
        Error::IoError(error) if error.kind() == ErrorKind::NotADirectory => {
            let reason = "the server wants the password in clear text, \
                          which is sent only over a Unix socket";
            Fault::Other(Cause::new(reason))
        }
        error => fault(error),
    })
}

fn options(server: &Server) -> Opts {
    let socket = server
        .socket
        .as_ref()
        .map(|path| path.to_string_lossy().into_owned());
    OptsBuilder::new()
        .ip_or_hostname(Some(server.host.clone()))
        .tcp_port(server.port)
        .socket(socket)
        .prefer_socket(false)
        .server_key_path(Some(PathBuf::from(NO_KEY)))
        .user(Some(server.user.clone()))
        .pass(server.password.clone())
        .db_name(Some(server.database.clone()))
        .tcp_connect_timeout(Some(DEADLINE))
        .read_timeout(Some(DEADLINE))
        .write_timeout(Some(DEADLINE))
        .max_allowed_packet(Some(PACKET_BYTES_MAX))
        .additional_capabilities(CapabilityFlags::empty())
        .init(vec![SETTINGS])
        .into()
}

impl Session for Conn {
    fn each_row(
        &mut self,
        statement: &'static str,
        parameters: &[Cell],
        on_row: &mut dyn FnMut(Row),
    ) -> Result<(), Fault> {
        if parameters.is_empty() {
            return each(self.query_iter(statement).map_err(fault)?, on_row);
        }
        each(
            self.exec_iter(statement, bound(parameters))
                .map_err(fault)?,
            on_row,
        )
    }

    fn execute(&mut self, statement: &'static str, parameters: &[Cell]) -> Result<i64, Fault> {
        self.exec_drop(statement, bound(parameters))
            .map_err(fault)?;
        Ok(i64::try_from(self.last_insert_id()).unwrap_or_default())
    }

    fn select(&mut self, statement: &str) -> Result<Vec<Row>, Fault> {
        let read_only = TxOpts::default().set_access_mode(Some(AccessMode::ReadOnly));
        let mut transaction = self.start_transaction(read_only).map_err(fault)?;
        let mut rows = Vec::new();
        // A prepared statement is only one; one without columns writes a file (INTO OUTFILE).
        let prepared = transaction
            .prep(statement)
            .map_err(|error| fault(error).of_select())?;
        if prepared.columns().is_empty() {
            return Err(Fault::Select(Cause::new(
                "the statement returns no columns",
            )));
        }
        let answer = transaction
            .exec_iter(prepared, ())
            .map_err(|error| fault(error).of_select())?;
        each(answer, &mut |row| rows.push(row)).map_err(Fault::of_select)?;
        Ok(rows)
    }

    fn rows_to_change(
        &mut self,
        statement: Locking,
        parameters: &[Cell],
    ) -> Result<Vec<Row>, Fault> {
        self.rows(statement.mysql, parameters)
    }
}

fn each<P: mysql::prelude::Protocol>(
    answer: mysql::QueryResult<'_, '_, '_, P>,
    on_row: &mut dyn FnMut(Row),
) -> Result<(), Fault> {
    if answer.columns().as_ref().is_empty() {
        return Err(Fault::Other(Cause::new("the answer has no columns")));
    }
    let mut bytes = 0;
    for row in answer {
        let row: Row = row.map_err(fault)?.unwrap().into_iter().map(cell).collect();
        bytes += row.iter().map(size).sum::<usize>();
        if bytes > ANSWER_BYTES_MAX {
            return Err(Fault::Other(Cause::new(format!(
                "the answer is longer than {ANSWER_BYTES_MAX} bytes"
            ))));
        }
        on_row(row);
    }
    Ok(())
}

fn size(cell: &Cell) -> usize {
    match cell {
        Cell::Bytes(bytes) => bytes.len(),
        Cell::Null | Cell::Int(_) => 0,
    }
}

fn cell(value: Value) -> Cell {
    match value {
        Value::NULL => Cell::Null,
        Value::Bytes(bytes) => Cell::Bytes(bytes),
        Value::Int(number) => Cell::Int(number),
        other => Cell::Bytes(other.as_sql(true).into_bytes()),
    }
}

fn bound(parameters: &[Cell]) -> Params {
    let value = |cell: &Cell| match cell {
        Cell::Null => Value::NULL,
        Cell::Int(number) => Value::Int(*number),
        Cell::Bytes(bytes) => Value::Bytes(bytes.clone()),
    };
    Params::Positional(parameters.iter().map(value).collect())
}

/// Classifies an error, by the server's number if it has one (`errmsg` of MariaDB and MySQL).
pub(super) fn fault(error: Error) -> Fault {
    let cause = match &error {
        Error::MySqlError(said) => Cause::new(format!("{} (error {})", said.message, said.code)),
        Error::IoError(error) => Cause::new(error),
        Error::DriverError(error) => Cause::new(error),
        Error::CodecError(error) => Cause::new(error),
        other => Cause::new(other),
    };
    match &error {
        Error::MySqlError(said) => match said.code {
            // ER_DBACCESS_DENIED, ER_ACCESS_DENIED, ER_HOST_NOT_PRIVILEGED
            1044 | 1045 | 1130 | 1698 => Fault::Login(cause),
            // ER_TABLEACCESS_DENIED, ER_COLUMNACCESS_DENIED, ER_SPECIFIC_ACCESS_DENIED,
            // ER_OPTION_PREVENTS_STATEMENT (a read-only server)
            1142 | 1143 | 1227 | 1290 | 1370 => Fault::NotPermitted(cause),
            // ER_LOCK_WAIT_TIMEOUT, ER_LOCK_DEADLOCK
            1205 | 1213 => Fault::Collision(cause),
            // ER_DUP_ENTRY
            1062 => Fault::Duplicate(cause),
            // ER_SERVER_SHUTDOWN, ER_NORMAL_SHUTDOWN, ER_CONNECTION_KILLED
            1053 | 1077 | 1927 => Fault::Other(cause),
            _ => Fault::Refused(cause),
        },
        _ => Fault::Other(cause),
    }
}
