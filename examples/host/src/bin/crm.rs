//! The program `crm`: the engine from the command line.

fn main() -> std::process::ExitCode {
    crm_host::command_line()
}
