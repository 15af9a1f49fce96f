//! Drives the production loop with actions on a terminal in memory, and writes down what is on it.
//! Shared with `tests/tui.rs`: everything here is reached through `crate::tui`.

use std::{
    collections::VecDeque,
    fmt::Write as _,
    sync::mpsc::{self, Receiver},
    time::Duration,
};

use ratatui::{
    Terminal,
    backend::TestBackend,
    buffer::{Buffer, Cell},
    crossterm::event::{KeyCode, KeyEvent, KeyModifiers},
    style::{Color, Modifier},
};

use crate::tui::{Action, App, Backstage, Msg, Options, Source, Standing, Theme, Wait};

/// Colours and line glyphs.
pub(crate) const PLAIN: Options = Options { color: true, ascii: false, theme: Theme::Default };

/// A session of the interface.
pub(crate) struct Session {
    app: App<TestBackend>,
    keys: Keys,
    patience: Option<usize>,
}

/// Messages of a test: results of jobs as they come, and a key only when all of them are there.
struct Keys {
    receiver: Receiver<Msg>,
    queue: VecDeque<Msg>,
    now: Duration,
    /// How often a transaction under way is looked at before the next key.
    patience: usize,
}

impl Source for Keys {
    fn next(&mut self, wait: Wait) -> Option<Vec<Msg>> {
        self.now += Duration::from_secs(1);
        if wait.jobs > 0 {
            let deadline = Duration::from_secs(60);
            return Some(vec![self.receiver.recv_timeout(deadline).expect("a job never ended")]);
        }
        if wait.ticks && self.patience > 0 {
            self.patience -= 1;
            return Some(vec![Msg::Tick(self.now)]);
        }
        let mut message = self.queue.pop_front()?;
        if let Msg::Key(_, at) = &mut message {
            *at = self.now;
        }
        Some(vec![message])
    }

    fn now(&self) -> Duration {
        self.now
    }
}

impl Session {
    /// Starts a session and waits until nothing is under way.
    pub(crate) fn start(
        backstage: impl Backstage,
        standing: Standing,
        (columns, rows): (u16, u16),
        options: Options,
    ) -> Self {
        let (sender, receiver) = mpsc::channel();
        let terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
        let app = App::new(terminal, backstage, standing, options, sender).unwrap();
        let keys = Keys { receiver, queue: VecDeque::new(), now: Duration::ZERO, patience: 0 };
        let mut session = Self { app, keys, patience: None };
        session.send(Vec::new());
        session
    }

    fn send(&mut self, messages: Vec<Msg>) {
        self.keys.queue.extend(messages);
        self.keys.patience = self.patience.take().unwrap_or(2_000);
        self.app.run(&mut self.keys).unwrap();
    }

    /// Looks at a transaction only so often after the next keys, instead of to its end.
    pub(crate) fn watch_for(&mut self, ticks: usize) -> &mut Self {
        self.patience = Some(ticks);
        self
    }

    /// Looks once more at what is under way; whether there was anything.
    pub(crate) fn look(&mut self) -> bool {
        self.watch_for(1).send(Vec::new());
        self.keys.patience == 0
    }

    /// Presses the keys of these actions.
    pub(crate) fn press(&mut self, actions: &[Action]) -> &mut Self {
        let keys = actions.iter().map(|action| action.key().expect("an action without a key"));
        self.send(keys.map(|key| Msg::Key(key, Duration::ZERO)).collect());
        self
    }

    /// Presses the keys of these characters.
    pub(crate) fn type_text(&mut self, text: &str) -> &mut Self {
        let keys = text.chars().map(|c| KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE));
        self.send(keys.map(|key| Msg::Key(key, Duration::ZERO)).collect());
        self
    }

    /// Anything else that may happen.
    pub(crate) fn happens(&mut self, message: Msg) -> &mut Self {
        self.send(vec![message]);
        self
    }

    /// Gives the terminal another size.
    pub(crate) fn resize(&mut self, columns: u16, rows: u16) -> &mut Self {
        self.app.terminal_mut().backend_mut().resize(columns, rows);
        self.send(vec![Msg::Resize(columns, rows)]);
        self
    }

    /// Columns and rows of the terminal.
    pub(crate) fn size(&self) -> (u16, u16) {
        let area = self.app.terminal().backend().buffer().area();
        (area.width, area.height)
    }

    /// What is on the terminal, and how it looks.
    pub(crate) fn screen(&self) -> String {
        dump(self.app.terminal().backend().buffer())
    }

    /// The text on the terminal.
    pub(crate) fn text(&self) -> String {
        text_of_screen(self.app.terminal().backend().buffer())
    }

    /// Whether the text is on the terminal.
    pub(crate) fn shows(&self, text: &str) -> bool {
        self.text().contains(text)
    }

    /// The loop.
    pub(crate) fn app(self) -> App<TestBackend> {
        self.app
    }
}

fn rows(buffer: &Buffer) -> std::slice::Chunks<'_, Cell> {
    buffer.content().chunks(usize::from(buffer.area().width))
}

/// The text of a screen, line by line.
pub(crate) fn text_of_screen(buffer: &Buffer) -> String {
    rows(buffer).map(|row| text_of(row).trim_end().to_owned() + "\n").collect()
}

fn text_of(cells: &[Cell]) -> String {
    cells.iter().map(Cell::symbol).collect()
}

/// The lines of a screen, then every piece of it that has a look of its own: `row: [look] text`.
/// Borders are left out of the second part.
pub(crate) fn dump(buffer: &Buffer) -> String {
    let mut out = String::new();
    for row in rows(buffer) {
        writeln!(out, "{}", text_of(row).trim_end()).unwrap();
    }
    out.push_str("--- looks\n");
    for (number, row) in rows(buffer).enumerate() {
        for run in row.chunk_by(|a, b| look(a) == look(b)) {
            let look = look(&run[0]);
            let text = text_of(run);
            let bare = text.chars().all(|c| " │─┌┐└┘|+-".contains(c));
            if !look.is_empty() && (!bare || look.contains("reversed")) {
                writeln!(out, "{number}: [{look}] {}", text.trim_end()).unwrap();
            }
        }
    }
    out
}

fn look(cell: &Cell) -> String {
    let mut words = Vec::new();
    if cell.fg != Color::Reset {
        words.push(cell.fg.to_string().to_lowercase());
    }
    if cell.bg != Color::Reset {
        words.push(format!("on {}", cell.bg).to_lowercase());
    }
    for (modifier, name) in [
        (Modifier::BOLD, "bold"),
        (Modifier::DIM, "dim"),
        (Modifier::UNDERLINED, "underlined"),
        (Modifier::REVERSED, "reversed"),
    ] {
        if cell.modifier.contains(modifier) {
            words.push(name.to_owned());
        }
    }
    words.join(" ")
}
