"""What core stores: events, outbox, audit log, webhooks, reachability, erasures."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import core.clock
import core.db.transaction_ids
import core.ids
import core.privacy.encrypted_fields
import core.tenancy.scope


class Migration(migrations.Migration):
    kind = "expand"

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='BusConsumer',
            fields=[
                ('name', models.CharField(max_length=60, primary_key=True, serialize=False)),
                ('start_xid', core.db.transaction_ids.TransactionIdField()),
                ('xid', core.db.transaction_ids.TransactionIdField()),
                ('event_id', models.UUIDField()),
                ('system', models.BigIntegerField()),
                ('replayed_until', models.DateTimeField(help_text='Until when a running replay has it for itself.', null=True)),
            ],
            options={
                'verbose_name': 'event consumer',
            },
        ),
        migrations.CreateModel(
            name='AnchorDelivery',
            fields=[
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ('place', models.CharField(max_length=20)),
                ('delivered', models.BigIntegerField(default=0)),
                ('delivered_at', models.DateTimeField(null=True)),
                ('failing_since', models.DateTimeField(null=True)),
                ('problem', models.CharField(blank=True, max_length=200)),
            ],
            options={
                'verbose_name_plural': 'anchor deliveries',
                'constraints': [models.UniqueConstraint(fields=('tenant_id', 'place'), name='one_delivery_per_place')],
            },
        ),
        migrations.CreateModel(
            name='AuditAnchor',
            fields=[
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ('number', models.BigIntegerField()),
                ('first', models.BigIntegerField()),
                ('last', models.BigIntegerField()),
                ('head', models.CharField(max_length=64)),
                ('root', models.CharField(max_length=64)),
                ('previous', models.CharField(blank=True, max_length=64)),
                ('at', models.DateTimeField(default=core.clock.now)),
                ('key_id', models.CharField(max_length=16)),
                ('public_key', models.CharField(max_length=64)),
                ('signature', models.CharField(max_length=128)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('tenant_id', 'number'), name='one_anchor_per_number'), models.UniqueConstraint(fields=('tenant_id', 'last'), name='one_anchor_per_entry')],
            },
        ),
        migrations.CreateModel(
            name='AuditEntry',
            fields=[
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ('seq', models.BigIntegerField()),
                ('at', models.DateTimeField()),
                ('actor_kind', models.CharField(max_length=10)),
                ('actor_id', models.UUIDField(null=True)),
                ('actor_user_id', models.UUIDField(null=True)),
                ('actor_name', models.CharField(blank=True, max_length=80)),
                ('role', models.CharField(blank=True, max_length=20)),
                ('auth_strength', models.CharField(blank=True, max_length=10)),
                ('address', models.CharField(blank=True, max_length=45)),
                ('action', models.CharField(max_length=60)),
                ('object_type', models.CharField(max_length=60)),
                ('object_id', models.UUIDField()),
                ('old_state', models.CharField(blank=True, max_length=30)),
                ('new_state', models.CharField(blank=True, max_length=30)),
                ('facts', models.JSONField(default=dict)),
                ('key_id', models.CharField(max_length=16)),
                ('previous_hash', models.CharField(blank=True, max_length=64)),
                ('hash', models.CharField(max_length=64)),
            ],
            options={
                'verbose_name_plural': 'audit entries',
                'indexes': [models.Index(fields=['tenant_id', 'object_type', 'object_id', 'seq'], name='audit_by_object'), models.Index(fields=['tenant_id', 'action', 'seq'], name='audit_by_action'), models.Index(fields=['tenant_id', 'at'], name='audit_by_day')],
                'constraints': [models.UniqueConstraint(fields=('tenant_id', 'seq'), name='one_entry_per_number')],
            },
        ),
        migrations.CreateModel(
            name='AuditHead',
            fields=[
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ('seq', models.BigIntegerField(default=0)),
                ('hash', models.CharField(default='', max_length=64)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('tenant_id',), name='one_chain_per_tenant')],
            },
        ),
        migrations.CreateModel(
            name='BusCursor',
            fields=[
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ('consumer', models.CharField(max_length=60)),
                ('xid', core.db.transaction_ids.TransactionIdField()),
                ('event_id', models.UUIDField()),
                ('system', models.BigIntegerField()),
                ('moved_at', models.DateTimeField(default=core.clock.now)),
                ('tries', models.PositiveSmallIntegerField(default=0, help_text='How often the next event has failed.')),
                ('retry_at', models.DateTimeField(help_text='When the next event is tried again, after a failure.', null=True)),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('retry_at__isnull', False)), fields=['retry_at'], name='bus_retries')],
                'constraints': [models.UniqueConstraint(fields=('tenant_id', 'consumer'), name='one_bus_cursor_per_consumer')],
            },
        ),
        migrations.CreateModel(
            name='Consent',
            fields=[
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ('address_index', models.CharField(editable=False, max_length=64)),
                ('channel', models.CharField(max_length=12)),
                ('purpose', models.CharField(blank=True, choices=[('reply', 'Replies'), ('service', 'Outcomes of requests'), ('notice', 'Notices'), ('marketing', 'Marketing'), ('account', 'Sign-in and invitations')], help_text="Empty where the state isn't about a purpose.", max_length=9)),
                ('state', models.CharField(choices=[('unreachable', 'Not reachable'), ('reachable', 'Reachable again'), ('blocked', 'Blocked'), ('unblocked', 'Unblocked'), ('given', 'Agreed'), ('withdrawn', 'Opted out')], max_length=11)),
                ('source', models.CharField(choices=[('customer', 'Message from the person'), ('provider', 'Report of the provider'), ('staff', 'Colleague'), ('api', 'API')], max_length=8)),
                ('at', models.DateTimeField(default=core.clock.now, help_text='When it was said.')),
                ('recorded_by', models.UUIDField(help_text='The colleague who recorded it.', null=True)),
                ('recorded_at', models.DateTimeField(default=core.clock.now, editable=False)),
            ],
            options={
                'permissions': [('record_consent', 'Can record consents and opt-outs')],
                'indexes': [models.Index(models.F('tenant_id'), models.F('address_index'), models.F('channel'), models.F('purpose'), models.F('state'), models.OrderBy(models.F('at'), descending=True), models.OrderBy(models.F('id'), descending=True), name='consents_by_address'), models.Index(fields=['tenant_id', '-id'], name='consents_by_time'), models.Index(fields=['tenant_id', 'recorded_at'], name='consents_by_day')],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('state__in', ['given', 'withdrawn']), models.Q(('purpose__in', ['', 'account']), _negated=True)), models.Q(models.Q(('state__in', ['given', 'withdrawn']), _negated=True), ('purpose', '')), _connector='OR'), name='consents_name_their_purpose')],
            },
        ),
        migrations.CreateModel(
            name='DeadLetter',
            fields=[
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ('kind', models.CharField(max_length=60)),
                ('ref', models.UUIDField()),
                ('state', models.CharField(choices=[('parked', 'parked'), ('replayed', 'replayed'), ('discarded', 'discarded')], default='parked', max_length=10)),
                ('error', models.CharField(blank=True, max_length=500)),
                ('times', models.PositiveIntegerField(default=1)),
                ('parked_at', models.DateTimeField(default=core.clock.now)),
                ('closed_at', models.DateTimeField(null=True)),
                ('closed_by', models.UUIDField(null=True)),
            ],
            options={
                'permissions': [('replay_deadletter', 'Can replay or discard parked failures')],
                'indexes': [models.Index(fields=['tenant_id', 'state', '-parked_at'], name='dead_letters_by_state'), models.Index(condition=models.Q(('state', 'parked')), fields=['parked_at'], name='dead_letters_parked')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('state', 'parked')), fields=('tenant_id', 'kind', 'ref'), name='one_parked_letter_per_row'), models.CheckConstraint(condition=models.Q(models.Q(('closed_at', None), ('state', 'parked')), models.Q(('closed_at__isnull', False), ('state__in', ['replayed', 'discarded'])), _connector='OR'), name='dead_letter_closed_with_time')],
            },
        ),
        migrations.CreateModel(
            name='Erasure',
            fields=[
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ('subject_type', models.CharField(choices=[('contact', 'A contact'), ('member', 'A member')], max_length=10)),
                ('subject_id', models.UUIDField(help_text='The contact or the membership.')),
                ('state', models.CharField(choices=[('asked', 'Asked for'), ('working', 'At work'), ('done', 'Done'), ('parked', 'Stopped')], default='asked', max_length=10)),
                ('reason', models.CharField(choices=[('asked_for', 'The person asked for it'), ('consent_withdrawn', 'The person withdrew the consent'), ('not_needed', 'The data is no longer needed'), ('unlawful', 'The data should not have been kept')], max_length=20)),
                ('asked_by', models.UUIDField(null=True)),
                ('asked_at', models.DateTimeField(default=core.clock.now)),
                ('started_at', models.DateTimeField(null=True)),
                ('finished_at', models.DateTimeField(null=True)),
                ('targets', models.JSONField(default=dict, help_text="Ids of what is the person's, by kind.")),
                ('traces', core.privacy.encrypted_fields.EncryptedJSONField(help_text='Name and addresses, by which other rows are found.', null=True)),
                ('still_named', models.JSONField(default=list, help_text='Ids of requests of others that still hold the name.')),
                ('tried_at', models.DateTimeField(help_text='When the sweep came last.', null=True)),
                ('round_at', models.DateTimeField(help_text='When this round began.', null=True)),
                ('rounds', models.PositiveSmallIntegerField(default=0)),
                ('changes', models.PositiveIntegerField(default=0, help_text='Rows that were changed in this round.')),
                ('step', models.CharField(blank=True, help_text='The step that comes next.', max_length=60)),
                ('after', models.CharField(blank=True, help_text='The last row that this step has looked at.', max_length=60)),
                ('counts', models.JSONField(default=dict, help_text='How many rows were changed, by step.')),
                ('waits_for', models.JSONField(default=list, help_text='What is in the way for now: references and codes.')),
            ],
            options={
                'permissions': [('view_erasures', 'Can see who was erased and how far it has come')],
                'indexes': [models.Index(condition=models.Q(('state__in', ['asked', 'working'])), fields=['id'], name='erasures_to_do')],
                'constraints': [models.UniqueConstraint(fields=('tenant_id', 'subject_type', 'subject_id'), name='one_erasure_per_person'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'done'), _negated=True), models.Q(('finished_at__isnull', False), ('traces__isnull', True)), _connector='OR'), name='done_erasures_keep_no_traces')],
            },
        ),
        migrations.CreateModel(
            name='IdempotencyRecord',
            fields=[
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ('scope', models.CharField(max_length=60)),
                ('key_digest', models.CharField(max_length=64)),
                ('request_digest', models.CharField(max_length=64)),
                ('state', models.CharField(choices=[('running', 'running'), ('finished', 'finished')], default='running', max_length=10)),
                ('status', models.PositiveSmallIntegerField(null=True)),
                ('answer', core.privacy.encrypted_fields.EncryptedJSONField(null=True)),
                ('created_at', models.DateTimeField(default=core.clock.now)),
                ('lease_until', models.DateTimeField()),
                ('about', models.JSONField(default=list)),
            ],
            options={
                'indexes': [models.Index(fields=['created_at'], name='idempotency_by_age')],
                'constraints': [models.UniqueConstraint(fields=('tenant_id', 'scope', 'key_digest'), name='one_record_per_key')],
            },
        ),
        migrations.CreateModel(
            name='Outbox',
            fields=[
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ('event', models.CharField(max_length=40)),
                ('ref', models.UUIDField()),
                ('payload', models.JSONField(default=dict)),
                ('created_at', models.DateTimeField(default=core.clock.now)),
                ('lease_until', models.DateTimeField(help_text='Until then a worker has it.', null=True)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('done_at', models.DateTimeField(null=True)),
                ('fence', models.PositiveIntegerField(db_default=0, default=0, help_text='Which claim has it; each raises it.')),
            ],
            options={
                'verbose_name_plural': 'outbox',
                'indexes': [models.Index(condition=models.Q(('done_at__isnull', True)), fields=['id'], name='outbox_undone'), models.Index(condition=models.Q(('done_at__isnull', False)), fields=['done_at'], name='outbox_done')],
            },
        ),
        migrations.CreateModel(
            name='ParkedEvent',
            fields=[
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ('consumer', models.CharField(max_length=60)),
                ('event_id', models.UUIDField()),
                ('type', models.CharField(max_length=40)),
                ('parked_at', models.DateTimeField(default=core.clock.now)),
                ('done_at', models.DateTimeField(null=True)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('tenant_id', 'consumer', 'event_id'), name='one_parked_event_per_consumer')],
            },
        ),
        migrations.CreateModel(
            name='ReachPolicy',
            fields=[
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ('zone', models.CharField(default='UTC', max_length=64, verbose_name='time zone')),
                ('quiet_from', models.TimeField(null=True, verbose_name='quiet from')),
                ('quiet_until', models.TimeField(null=True, verbose_name='quiet until')),
                ('per_contact', models.PositiveIntegerField(default=3, verbose_name='per contact and day')),
                ('per_day', models.PositiveIntegerField(default=0, verbose_name='per day')),
                ('needs_consent', models.BooleanField(default=False, verbose_name='only with consent')),
                ('changed_at', models.DateTimeField(default=core.clock.now)),
            ],
            options={
                'verbose_name_plural': 'reach policies',
                'permissions': [('change_reach', 'Can change the rules for marketing messages')],
                'constraints': [models.UniqueConstraint(fields=('tenant_id',), name='one_reach_policy'), models.CheckConstraint(condition=models.Q(models.Q(('quiet_from', None), ('quiet_until', None)), models.Q(('quiet_from__isnull', False), ('quiet_until__isnull', False), models.Q(('quiet_from', models.F('quiet_until')), _negated=True)), _connector='OR'), name='reach_quiet_hours_begin_and_end')],
            },
        ),
        migrations.CreateModel(
            name='RefusalCount',
            fields=[
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ('subject_id', models.UUIDField()),
                ('hour', models.DateTimeField()),
                ('attempts', models.PositiveIntegerField(default=0)),
                ('recent', django.contrib.postgres.fields.ArrayField(base_field=models.DateTimeField(), default=list, size=None)),
                ('noticed_at', models.DateTimeField(null=True)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('tenant_id', 'subject_id'), name='one_refusal_count_per_actor')],
            },
        ),
        migrations.CreateModel(
            name='ReplyWindow',
            fields=[
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ('address_index', models.CharField(editable=False, max_length=64)),
                ('line', models.UUIDField(help_text='The channel account: our number, mailbox or app.')),
                ('wrote_at', models.DateTimeField()),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('tenant_id', 'address_index', 'line'), name='one_window_per_line')],
            },
        ),
        migrations.CreateModel(
            name='SendCount',
            fields=[
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ('address_index', models.CharField(blank=True, editable=False, max_length=64)),
                ('day', models.DateField(help_text="The organisation's day.")),
                ('sent', models.PositiveIntegerField(default=0)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('tenant_id', 'address_index', 'day'), name='one_send_count_per_day')],
            },
        ),
        migrations.CreateModel(
            name='StreamEvent',
            fields=[
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ('stream', models.CharField(max_length=80)),
                ('seq', models.BigIntegerField()),
                ('type', models.CharField(max_length=40)),
                ('payload', models.JSONField(default=dict)),
                ('created_at', models.DateTimeField(default=core.clock.now)),
                ('about', models.UUIDField(help_text='The one thing by which the stream is also read.', null=True)),
                ('version', models.PositiveSmallIntegerField(help_text='Of its published shape; empty if the row only tells listeners.', null=True)),
                ('xid', core.db.transaction_ids.TransactionIdField(db_default=core.db.transaction_ids.CurrentTransactionId(), editable=False)),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('version__isnull', False)), fields=['xid', 'id'], name='events_committed'), models.Index(condition=models.Q(('version__isnull', False)), fields=['tenant_id', 'xid', 'id'], name='events_to_consume'), models.Index(condition=models.Q(('about__isnull', False)), fields=['tenant_id', 'about', 'seq'], name='events_about')],
                'constraints': [models.UniqueConstraint(fields=('tenant_id', 'stream', 'seq'), name='one_event_per_number')],
            },
        ),
        migrations.CreateModel(
            name='StreamHead',
            fields=[
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ('stream', models.CharField(max_length=80)),
                ('seq', models.BigIntegerField(default=0)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('tenant_id', 'stream'), name='one_head_per_stream')],
            },
        ),
        migrations.CreateModel(
            name='WebhookEndpoint',
            fields=[
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ('purpose', models.CharField(max_length=40)),
                ('ref', models.UUIDField()),
                ('url', core.privacy.encrypted_fields.EncryptedTextField(default=str)),
                ('secrets', core.privacy.encrypted_fields.EncryptedJSONField(default=dict)),
                ('state', models.CharField(choices=[('active', 'Active'), ('paused', 'Paused'), ('gone', 'Gone'), ('off', 'Switched off'), ('removed', 'Removed')], default='active', max_length=7)),
                ('failures', models.PositiveIntegerField(default=0, help_text='Failed attempts since the last success.')),
                ('rest_until', models.DateTimeField(help_text='A receiver that fails is left alone until then.', null=True)),
                ('last_error', models.CharField(blank=True, max_length=60)),
                ('last_error_at', models.DateTimeField(null=True)),
                ('last_success_at', models.DateTimeField(null=True)),
                ('created_at', models.DateTimeField(default=core.clock.now, editable=False)),
                ('failing_since', models.DateTimeField(help_text='The first failed attempt since the last success.', null=True)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('tenant_id', 'purpose', 'ref'), name='one_webhook_endpoint_per_object')],
            },
        ),
        migrations.CreateModel(
            name='WebhookDelivery',
            fields=[
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ('event_type', models.CharField(max_length=60)),
                ('key', models.CharField(max_length=80)),
                ('ref', models.UUIDField(help_text='The object that the event is about.', null=True)),
                ('line', models.CharField(blank=True, help_text='Deliveries of one line are sent in order.', max_length=64)),
                ('body', core.privacy.encrypted_fields.EncryptedTextField(help_text='The JSON that is sent; most purposes drop it once it is delivered.', null=True)),
                ('state', models.CharField(choices=[('waiting', 'Waiting'), ('delivered', 'Delivered'), ('failed', 'Failed')], default='waiting', max_length=9)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('first_attempt', models.PositiveSmallIntegerField(default=0, help_text='Attempts before it was last sent again.')),
                ('due_at', models.DateTimeField(default=core.clock.now, help_text='When it may be claimed: the end of a lease or a pause.')),
                ('error', models.CharField(blank=True, max_length=60)),
                ('created_at', models.DateTimeField(default=core.clock.now, editable=False)),
                ('done_at', models.DateTimeField(null=True)),
                ('endpoint', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='core.webhookendpoint')),
                ('claimed_until', models.DateTimeField(help_text='The end of the lease of the attempt that is under way.', null=True)),
            ],
            options={
                'verbose_name_plural': 'webhook deliveries',
                'indexes': [models.Index(condition=models.Q(('state', 'waiting')), fields=['endpoint', 'due_at'], name='webhooks_to_deliver'), models.Index(condition=models.Q(('claimed_until__isnull', False)), fields=['endpoint'], name='webhooks_under_way'), models.Index(condition=models.Q(('state', 'waiting')), fields=['endpoint', 'line', 'id'], name='webhooks_in_line'), models.Index(fields=['tenant_id', 'endpoint', '-id'], name='webhooks_by_endpoint')],
                'constraints': [models.UniqueConstraint(fields=('tenant_id', 'endpoint', 'key'), name='one_webhook_delivery_per_key'), models.CheckConstraint(condition=models.Q(models.Q(('done_at', None), ('state', 'waiting')), models.Q(models.Q(('state', 'waiting'), _negated=True), ('done_at__isnull', False)), _connector='OR'), name='webhook_delivery_done_with_time')],
            },
        ),
        migrations.CreateModel(
            name='WebhookAttempt',
            fields=[
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ('number', models.PositiveSmallIntegerField()),
                ('started_at', models.DateTimeField(default=core.clock.now)),
                ('milliseconds', models.PositiveIntegerField(null=True)),
                ('status', models.PositiveSmallIntegerField(help_text='What the receiver answered, if it answered.', null=True)),
                ('error', models.CharField(blank=True, max_length=60)),
                ('delivery', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='tries', to='core.webhookdelivery')),
                ('answer', core.privacy.encrypted_fields.EncryptedTextField(help_text='The beginning of the answer, masked; most purposes keep none.', null=True)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('tenant_id', 'delivery', 'number'), name='one_webhook_attempt_per_number')],
            },
        ),
    ]
