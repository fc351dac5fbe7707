//! gst-launch with the WHIP and WHEP elements built in: Debian 12 has none of them.
use gst::prelude::*;
use gstreamer as gst;

fn main() {
    gst::init().expect("GStreamer starts");
    gstwebrtchttp::plugin_register_static().expect("whipsink and whepsrc register");
    let description = std::env::args().nth(1).expect("a pipeline description");
    let pipeline = gst::parse::launch(&description).expect("the pipeline is understood");
    pipeline.set_state(gst::State::Playing).expect("the pipeline starts");
    let bus = pipeline.bus().expect("a pipeline has a bus");
    // The end of standard input is the order to stop: whipsink sends its DELETE on the way to Null, and passes no EOS on.
    let told = bus.clone();
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        let stop = gst::Structure::new_empty("stop");
        told.post(gst::message::Application::new(stop)).expect("the bus takes a message");
    });
    let mut code = 0;
    for message in bus.iter_timed(gst::ClockTime::NONE) {
        match message.view() {
            gst::MessageView::Eos(..) | gst::MessageView::Application(..) => break,
            gst::MessageView::Error(error) => {
                eprintln!("{} {:?}", error.error(), error.debug());
                code = 1;
                break;
            }
            _ => {}
        }
    }
    pipeline.set_state(gst::State::Null).expect("the pipeline stops");
    std::process::exit(code);
}
