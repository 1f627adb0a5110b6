/** In the audio thread: sound as 16-bit samples, a tenth of a second at a time. */

/* global AudioWorkletProcessor, registerProcessor, sampleRate */
class Recorder extends AudioWorkletProcessor {
  constructor() {
    super();
    this.part = new Int16Array(Math.round(sampleRate / 10));
    this.filled = 0;
  }

  process([channels]) {
    for (const value of channels[0] ?? []) {
      this.part[this.filled] = Math.max(-32768, Math.min(32767, Math.round(value * 32768)));
      this.filled += 1;
      if (this.filled === this.part.length) {
        this.port.postMessage(this.part.slice());
        this.filled = 0;
      }
    }
    return true;
  }
}

registerProcessor('recorder', Recorder);
