/** The microphone, as it sounds: no filter of the browser's in between, as the level carries emotion too. */

const HIGHEST = 48000; // Hz, as the service takes
const PLAIN = { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false };

/** Open it; `part` gets 16-bit samples from when `start` is called. Throws an `Error` in words. */
export async function openMicrophone(part) {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new Error('A browser gives the microphone to pages of this machine or over https only.');
  }
  let sound;
  try {
    sound = await navigator.mediaDevices.getUserMedia({ audio: PLAIN });
  } catch (error) {
    throw new Error(error.name === 'NotFoundError' ? 'There is no microphone.' : 'The browser does not give the microphone to this page.');
  }
  let context = new AudioContext();
  if (context.sampleRate > HIGHEST) {
    await context.close();
    context = new AudioContext({ sampleRate: HIGHEST });
  }
  const close = () => {
    for (const track of sound.getTracks()) track.stop();
    return context.state === 'closed' ? null : context.close();
  };
  try {
    await context.audioWorklet.addModule(new URL('recorder.worklet.js', import.meta.url));
    await context.resume();
  } catch (error) {
    await close();
    throw new Error(`The browser can't record: ${error.message}`);
  }
  const source = context.createMediaStreamSource(sound);
  const recorder = new AudioWorkletNode(context, 'recorder', { numberOfOutputs: 0, channelCount: 1, channelCountMode: 'explicit' });
  recorder.port.onmessage = ({ data }) => part(data);
  return {
    samplingRate: Math.round(context.sampleRate),
    start: () => source.connect(recorder),
    close,
  };
}

/** How loud a part is, from 0 to 8, in steps of 6 dB up from -48. */
export function loudness(samples) {
  let sum = 0;
  for (const value of samples) sum += value * value;
  const decibels = 10 * Math.log10(sum / samples.length / 32768 ** 2 + 1e-12);
  return Math.max(0, Math.min(8, Math.round((decibels + 54) / 6)));
}
