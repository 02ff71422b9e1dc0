//! The program `crm-host`: a thin HTTP host around the engine.

fn main() -> std::process::ExitCode {
    crm_host::serve()
}
