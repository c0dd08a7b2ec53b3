//! A database as a source of attributes: which statements a question or a change takes.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mysql::Conn;
use mysql::prelude::Queryable;
use rusqlite::Connection;

use crate::database::deadline::{Decision, NoResult, within};
use crate::database::error::Cause;
use crate::database::session::{Cell, Fault, Session};
use crate::database::sqlite::Purpose;
use crate::database::url::Server;
use crate::database::{
    DEADLINE, DatabaseError, DatabaseUrl, mysql as server, rows, sqlite, statements,
};
use crate::host::Machine;
use crate::rocks::{
    AttributeSource, Change, ChangeError, Cluster, Directory, NodeId, Origin, Text, Write,
    plan_change,
};

/// `catindex.Name` is half as wide as `nodes.Name`.
const MEMBER_BYTES_MAX: usize = 64;
/// How often a change that met another one is tried.
const TRIES: usize = 3;

/// A database, connected when it is first asked.
pub struct Database {
    url: DatabaseUrl,
    deadline: Duration,
    /// The connection to a server, kept between questions; lost with the first that stays open.
    connection: Option<Conn>,
}

/// Whether a change makes the node first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Make {
    Nothing,
    Host,
    Guest,
}

/// Statements that can be sent to the thread that carries them out, again if need be.
trait Work<T>: Fn(&mut dyn Session) -> Result<T, Fault> + Send + 'static {}

impl<T, F: Fn(&mut dyn Session) -> Result<T, Fault> + Send + 'static> Work<T> for F {}

impl Database {
    /// The database at `url`.
    pub fn at(url: DatabaseUrl) -> Self {
        Self {
            url,
            deadline: DEADLINE,
            connection: None,
        }
    }

    /// The same with another deadline, for connecting and for each piece of work.
    #[must_use]
    pub fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    fn read<T: Send + 'static>(&mut self, work: impl Work<T>) -> Result<T, DatabaseError> {
        match self.url.clone() {
            DatabaseUrl::Sqlite(path) => {
                let connection = match Machine::has_file(&path) {
                    Ok(true) => sqlite::open(&path, Purpose::Reading),
                    Ok(false) => sqlite::empty(),
                    Err(error) => Err(Fault::NotPermitted(Cause::new(error))),
                };
                let done = connection.and_then(|mut connection| work(&mut connection));
                done.map_err(|fault| self.error(fault))
            }
            DatabaseUrl::MySql(server) => self.ask(&server, move |conn| work(conn)),
        }
    }

    fn write(&mut self, work: impl Work<usize>) -> Result<usize, DatabaseError> {
        match self.url.clone() {
            DatabaseUrl::Sqlite(path) => {
                embedded_transaction(path, work).map_err(|fault| self.error(fault))
            }
            DatabaseUrl::MySql(server) => self.change_on(&server, work),
        }
    }

    /// A change that nobody waits for any more is not made later: it is given up, unless the server
    /// was told already to keep it.
    fn change_on(
        &mut self,
        server: &Server,
        work: impl Work<usize>,
    ) -> Result<usize, DatabaseError> {
        let decision = Arc::new(Decision::default());
        let theirs = Arc::clone(&decision);
        let outcome = self.ask(server, move |conn| Ok(transaction(conn, &work, &theirs)));
        match outcome {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(Failed::Undone(fault))) => Err(self.error(fault)),
            Ok(Err(Failed::Unclear(source))) => Err(self.unclear(source)),
            Err(late) if decision.give_up() => Err(late),
            Err(late) => Err(self.unclear(Cause::new(late))),
        }
    }

    fn unclear(&self, source: Cause) -> DatabaseError {
        let database = self.url.clone();
        DatabaseError::Unclear { database, source }
    }

    /// Does `work` with the connection to `server`, on a thread that can be left behind.
    fn ask<T: Send + 'static>(
        &mut self,
        server: &Server,
        work: impl FnOnce(&mut Conn) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, DatabaseError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect(server)?,
        };
        let done = within(self.deadline, move || {
            let done = work(&mut connection);
            (connection, done)
        });
        let (connection, done) = done.map_err(|none| self.no_result(none))?;
        self.connection = Some(connection);
        done.map_err(|fault| self.error(fault))
    }

    fn connect(&self, server: &Server) -> Result<Conn, DatabaseError> {
        let server = server.clone();
        let connected = within(self.deadline, move || server::connect(&server));
        connected
            .map_err(|none| self.no_result(none))?
            .map_err(|fault| match fault {
                Fault::Login(_) => self.error(fault),
                other => DatabaseError::Connect {
                    database: self.url.clone(),
                    source: cause(other),
                },
            })
    }

    fn no_result(&self, none: NoResult) -> DatabaseError {
        let database = self.url.clone();
        match none {
            NoResult::Late => DatabaseError::Late {
                database,
                limit: self.deadline,
            },
            NoResult::Died => DatabaseError::Query {
                database,
                source: Cause::new("its answer could not be understood"),
            },
        }
    }

    fn error(&self, fault: Fault) -> DatabaseError {
        let database = self.url.clone();
        match fault {
            Fault::Login(source) => DatabaseError::Login { database, source },
            Fault::NotPermitted(source) => DatabaseError::NotPermitted { database, source },
            Fault::Change(error) => DatabaseError::Change(error),
            Fault::Select(source) => DatabaseError::Select { source },
            Fault::Collision(source)
            | Fault::Duplicate(source)
            | Fault::Refused(source)
            | Fault::Other(source) => DatabaseError::Query { database, source },
        }
    }

    fn embedded_only(&self, what: &'static str) -> Result<(), DatabaseError> {
        match self.origin() {
            Origin::Embedded => Ok(()),
            Origin::Rocks => Err(DatabaseError::Managed {
                database: self.url.clone(),
                what,
            }),
        }
    }
}

impl AttributeSource for Database {
    type Error = DatabaseError;

    fn origin(&self) -> Origin {
        match self.url {
            DatabaseUrl::MySql(_) => Origin::Rocks,
            DatabaseUrl::Sqlite(_) => Origin::Embedded,
        }
    }

    fn cluster(&mut self) -> Result<Cluster, DatabaseError> {
        self.read(|session: &mut dyn Session| read_cluster(session, statements::CLUSTER, &[]))
    }

    fn guest(&mut self, name: &Text) -> Result<Cluster, DatabaseError> {
        if self.origin() == Origin::Embedded {
            // A guest that nothing places lives here, and only the caller knows where that is.
            return self.cluster();
        }
        let names = vec![Cell::from(name); statements::NAME_PARAMETERS];
        self.read(move |session: &mut dyn Session| read_cluster(session, statements::GUEST, &names))
    }

    fn guests_of(&mut self, host: &Text) -> Result<Cluster, DatabaseError> {
        if self.origin() == Origin::Embedded {
            // Guests that nothing places live here too.
            return self.cluster();
        }
        let names = vec![Cell::from(host); statements::NAME_PARAMETERS];
        self.read(move |session: &mut dyn Session| {
            read_cluster(session, statements::GUESTS_OF, &names)
        })
    }

    fn directory(&mut self) -> Result<Directory, DatabaseError> {
        self.read(|session: &mut dyn Session| {
            rows::directory(session.rows(statements::DIRECTORY, &[])?).map_err(malformed)
        })
    }

    fn names_selected(&mut self, statement: &str) -> Result<Vec<Text>, DatabaseError> {
        let statement = statement.to_owned();
        self.read(move |session: &mut dyn Session| session.select(&statement).map(rows::names))
    }

    fn change(&mut self, name: &Text, change: &Change) -> Result<usize, DatabaseError> {
        let (name, change) = (name.clone(), change.clone());
        self.write(move |session: &mut dyn Session| {
            make_change(session, &name, Make::Nothing, &change)
        })
    }

    fn change_new(
        &mut self,
        name: &Text,
        is_guest: bool,
        change: &Change,
    ) -> Result<usize, DatabaseError> {
        self.embedded_only("makes the hosts")?;
        let make = if is_guest { Make::Guest } else { Make::Host };
        let (name, change) = (name.clone(), change.clone());
        self.write(move |session: &mut dyn Session| make_change(session, &name, make, &change))
    }

    fn place(&mut self, guest: NodeId, host: Option<NodeId>) -> Result<(), DatabaseError> {
        self.embedded_only("places the guests")?;
        let host = host.map_or(Cell::Null, Cell::Int);
        let placed = self.write(move |session: &mut dyn Session| {
            session.execute(statements::PLACE, &[host.clone(), guest.into()])?;
            Ok(1)
        });
        placed.map(|_| ())
    }
}

fn read_cluster(
    session: &mut dyn Session,
    statement: &'static str,
    parameters: &[Cell],
) -> Result<Cluster, Fault> {
    let mut rows = rows::ClusterRows::default();
    session.each_row(statement, parameters, &mut |row| rows.see(row))?;
    rows.cluster().map_err(malformed)
}

/// Carries out `change` for the host `name`, which may have to be made, inside of a transaction.
fn make_change(
    session: &mut dyn Session,
    name: &Text,
    make: Make,
    change: &Change,
) -> Result<usize, Fault> {
    if name.as_bytes().len() > MEMBER_BYTES_MAX {
        let why = format!(
            "attributes are kept for hosts whose names have up to {MEMBER_BYTES_MAX} bytes"
        );
        return Err(Fault::Other(Cause::new(why)));
    }
    if make != Make::Nothing {
        make_node(session, name, make)?;
    }
    let name = Cell::from(name);
    let own = session.rows_to_change(statements::OWN_ATTRIBUTES, std::slice::from_ref(&name))?;
    let own = rows::own_attributes(own).map_err(malformed)?;
    let writes = plan_change(&own, change)?;
    let mut member = None;
    for write in &writes {
        match write {
            Write::Update { id, value } => {
                let parameters = [Cell::from(value.as_ref()), (*id).into()];
                session.execute(statements::UPDATE_ATTRIBUTE, &parameters)?;
            }
            Write::Delete { id } => {
                session.execute(statements::DELETE_ATTRIBUTE, &[(*id).into()])?;
            }
            Write::Insert {
                name: attribute,
                value,
            } => {
                let (category, member) = match member {
                    Some(found) => found,
                    None => *member.insert(member_for(session, &name)?),
                };
                let value = Cell::from(value.as_ref());
                let parameters = [
                    attribute.as_str().into(),
                    value,
                    category.into(),
                    member.into(),
                ];
                let made = session.execute(statements::INSERT_ATTRIBUTE, &parameters);
                made.map_err(|fault| taken(fault, attribute))?;
            }
        }
    }
    Ok(writes.len())
}

/// Somebody else made the row since it was looked for.
fn taken(fault: Fault, attribute: &str) -> Fault {
    match fault {
        Fault::Duplicate(_) => Fault::Change(ChangeError::Exists(attribute.to_owned())),
        other => other,
    }
}

fn make_node(session: &mut dyn Session, name: &Text, make: Make) -> Result<(), Fault> {
    if !session.rows(statements::NODE, &[name.into()])?.is_empty() {
        // Somebody else made it since it was looked for.
        return Ok(());
    }
    let appliance = match make {
        Make::Guest => "hosted-vm",
        Make::Host | Make::Nothing => "vm-container",
    };
    let membership = session.rows(statements::MEMBERSHIP, &[appliance.into()])?;
    let membership = rows::first_id(&membership).map_err(malformed)?;
    let membership = membership.map_or(Cell::Null, Cell::Int);
    let node = session.execute(statements::MAKE_NODE, &[name.into(), membership])?;
    if make == Make::Guest {
        session.execute(statements::MAKE_GUEST, &[node.into()])?;
    }
    Ok(())
}

/// The category `host` and its member `name`, made if it is not there.
fn member_for(session: &mut dyn Session, name: &Cell) -> Result<(i64, i64), Fault> {
    let category = rows::first_id(&session.rows(statements::HOST_CATEGORY, &[])?);
    let category = category.map_err(malformed)?;
    let category =
        category.ok_or_else(|| malformed(rows::Malformed("there is no category host")))?;
    let key = [name.clone(), category.into()];
    let member = rows::first_id(&session.rows(statements::MEMBER, &key)?).map_err(malformed)?;
    match member {
        Some(member) => Ok((category, member)),
        None => Ok((category, session.execute(statements::MAKE_MEMBER, &key)?)),
    }
}

/// How a change ended that was not made.
enum Failed {
    /// Nothing of it is kept.
    Undone(Fault),
    /// The server was told to keep it, and nothing was heard of it since.
    Unclear(Cause),
}

fn transaction(
    conn: &mut Conn,
    work: &impl Work<usize>,
    decision: &Decision,
) -> Result<usize, Failed> {
    let mut tries = 0..TRIES;
    loop {
        tries.next();
        let begun = conn.query_drop("START TRANSACTION").map_err(server::fault);
        let fault = match begun.and_then(|()| work(conn)) {
            Ok(done) if decision.commit() => {
                return match conn.query_drop("COMMIT") {
                    Ok(()) => Ok(done),
                    // The server says itself that it kept nothing.
                    Err(error @ mysql::Error::MySqlError(_)) => {
                        Err(Failed::Undone(server::fault(error)))
                    }
                    Err(error) => Err(Failed::Unclear(Cause::new(error))),
                };
            }
            Ok(_) => Fault::Other(Cause::new("it was given up")),
            Err(fault) => fault,
        };
        // A connection that cannot roll back is lost, and the server rolls back then.
        let _ = conn.query_drop("ROLLBACK");
        if !matches!(fault, Fault::Collision(_)) || tries.is_empty() {
            return Err(Failed::Undone(fault));
        }
    }
}

fn embedded_transaction(path: PathBuf, work: impl Work<usize>) -> Result<usize, Fault> {
    Machine::make_parents(&path).map_err(|error| Fault::NotPermitted(Cause::new(error)))?;
    let mut connection: Connection = sqlite::open(&path, Purpose::Changing)?;
    connection
        .execute("BEGIN IMMEDIATE", [])
        .map_err(sqlite::fault)?;
    let done = work(&mut connection)?;
    connection.execute("COMMIT", []).map_err(sqlite::fault)?;
    Ok(done)
}

fn malformed(rows::Malformed(what): rows::Malformed) -> Fault {
    Fault::Other(Cause::new(format!("the answer holds {what}")))
}

fn cause(fault: Fault) -> Cause {
    match fault {
        Fault::Login(cause)
        | Fault::NotPermitted(cause)
        | Fault::Collision(cause)
        | Fault::Duplicate(cause)
        | Fault::Refused(cause)
        | Fault::Select(cause)
        | Fault::Other(cause) => cause,
        Fault::Change(error) => Cause::new(error),
    }
}
