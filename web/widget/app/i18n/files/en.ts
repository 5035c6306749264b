// English words about files. They come with the parts that speak of files, which are loaded when the composer is there.

export const en = {
  attach: 'Attach a file',
  attachLimit: (size: string) => `Attach a file, up to ${size}`,
  drop: 'Drop files here',
  dropLimit: (size: string) => `Up to ${size} each. They go out when you press Send.`,
  filesToSend: 'Files to send',
  removeFile: (name: string) => `Remove ${name}`,
  cancelFile: (name: string) => `Cancel ${name}`,
  retryFile: (name: string) => `Try again with ${name}`,
  progress: (name: string) => `Upload of ${name}`,
  uploading: (percent: string) => `Sending, ${percent}`,
  waiting: 'Waits for the network',
  queuedFile: 'Waits for its turn',
  serverBusy: 'Files cannot be taken just now; tries again by itself',
  tooLarge: (limit: string) => `Too large: at most ${limit}`,
  tooLargePlain: 'Too large',
  wrongType: 'Files of this kind are not taken here',
  emptyFile: 'There is nothing in it',
  infected: 'Refused by the virus scanner',
  unreadable: 'It cannot be read any more. Choose it again.',
  refusedFile: (why: string) => (why ? `Refused: ${why}` : 'Refused'),
  openPicture: (name: string) => `Open picture ${name}`,
  getFile: 'Download',
};

export type FileWords = typeof en;
