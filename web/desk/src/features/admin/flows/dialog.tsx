import { Modal } from '@mantine/core';
import type { ReactNode } from 'react';
import { useFlowText } from '../../../i18n/flows';
import { Icon } from '../../../ui/icons';

/** A question that has to be answered before the work goes on. */
export function Dialog({ opened, title, onClose, children }: { opened: boolean; title: string; onClose: () => void; children: ReactNode }) {
  const { t } = useFlowText();
  return (
    <Modal.Root opened={opened} onClose={onClose} size={480} centered radius={12} classNames={{ content: 'dialog', overlay: 'scrim' }}>
      <Modal.Overlay />
      <Modal.Content aria-label={title}>
        <div className="sheet-head"><h2>{title}</h2><button type="button" className="ib push" aria-label={t('state.close')} onClick={onClose}><Icon name="close" /></button></div>
        <div className="dialog-form">{children}</div>
      </Modal.Content>
    </Modal.Root>
  );
}
