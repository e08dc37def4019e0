// The style of everything, as one text for the shadow root; `frame` is last because it overrules others where it is narrow.
import bar from "./bar.css";
import base from "./base.css";
import controls from "./controls.css";
import frame from "./frame.css";
import layers from "./layers.css";
import sheet from "./sheet.css";
import tray from "./tray.css";
import unit from "./unit.css";

export const style = [base, controls, bar, layers, sheet, unit, tray, frame].join("\n");
