"""What integrations stores: accounts at providers and subscriptions."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import core.clock
import core.ids
import core.privacy.encrypted_fields
import core.tenancy.scope


class Migration(migrations.Migration):
    kind = "expand"

    initial = True

    dependencies = [
        ('core', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='MailCount',
            fields=[
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ('day', models.DateField(help_text='The day they were queued (UTC).')),
                ('type', models.CharField(max_length=40)),
                ('status', models.CharField(choices=[('queued', 'Queued'), ('sending', 'Sending'), ('unknown', 'Unknown'), ('sent', 'Sent'), ('failed', 'Failed'), ('dropped', 'Dropped by the provider'), ('delivered', 'Delivered'), ('bounced', 'Bounced'), ('opened', 'Opened'), ('clicked', 'Clicked')], max_length=10)),
                ('count', models.PositiveIntegerField(default=0)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('tenant_id', 'day', 'type', 'status'), name='one_mail_count_per_kind')],
            },
        ),
        migrations.CreateModel(
            name='MailDelivery',
            fields=[
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ('type', models.CharField(max_length=40)),
                ('ref', models.UUIDField(help_text='What the mail is about.', null=True)),
                ('key', models.CharField(help_text='One mail per key.', max_length=200)),
                ('user_id', models.UUIDField(help_text='The colleague it goes to.', null=True)),
                ('address', core.privacy.encrypted_fields.EncryptedTextField(null=True)),
                ('masked_address', models.CharField(max_length=120)),
                ('address_digest', models.CharField(help_text='Blind index of the address, to find its mails.', max_length=64)),
                ('subject', core.privacy.encrypted_fields.EncryptedTextField(null=True)),
                ('text', core.privacy.encrypted_fields.EncryptedTextField(null=True)),
                ('html', core.privacy.encrypted_fields.EncryptedTextField(default='', null=True)),
                ('reply_to', core.privacy.encrypted_fields.EncryptedTextField(default='', null=True)),
                ('headers', core.privacy.encrypted_fields.EncryptedJSONField(default=dict, null=True)),
                ('provider', models.CharField(blank=True, max_length=16)),
                ('provider_message_id', models.CharField(blank=True, max_length=200)),
                ('status', models.CharField(choices=[('queued', 'Queued'), ('sending', 'Sending'), ('unknown', 'Unknown'), ('sent', 'Sent'), ('failed', 'Failed'), ('dropped', 'Dropped by the provider'), ('delivered', 'Delivered'), ('bounced', 'Bounced'), ('opened', 'Opened'), ('clicked', 'Clicked')], default='queued', max_length=10)),
                ('attempts', models.PositiveSmallIntegerField(default=0)),
                ('due_at', models.DateTimeField(default=core.clock.now, help_text='When it has to be processed again.', null=True)),
                ('handed_at', models.DateTimeField(help_text='Set just before the provider is called.', null=True)),
                ('queued_at', models.DateTimeField(default=core.clock.now)),
                ('sent_at', models.DateTimeField(null=True)),
                ('delivered_at', models.DateTimeField(null=True)),
                ('opened_at', models.DateTimeField(null=True)),
                ('clicked_at', models.DateTimeField(null=True)),
                ('failed_at', models.DateTimeField(null=True)),
                ('error', models.CharField(blank=True, max_length=80)),
            ],
            options={
                'verbose_name_plural': 'mail deliveries',
                'indexes': [models.Index(condition=models.Q(('due_at__isnull', False)), fields=['due_at'], name='mail_due'), models.Index(condition=models.Q(('text__isnull', False)), fields=['id'], name='mail_with_its_text'), models.Index(fields=['tenant_id', '-id'], name='mail_by_time'), models.Index(fields=['tenant_id', 'address_digest', '-id'], name='mail_by_address'), models.Index(condition=models.Q(('provider_message_id', ''), _negated=True), fields=['tenant_id', 'provider_message_id'], name='mail_by_provider_id')],
                'constraints': [models.UniqueConstraint(fields=('tenant_id', 'key'), name='one_mail_per_key'), models.CheckConstraint(condition=models.Q(('due_at__isnull', True), ('status__in', ['queued', 'sending']), _negated=True), name='waiting_mail_is_due_some_time')],
            },
        ),
        migrations.CreateModel(
            name='ProviderAccount',
            fields=[
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ('provider', models.CharField(max_length=32)),
                ('name', models.CharField(max_length=120)),
                ('credentials', core.privacy.encrypted_fields.EncryptedJSONField()),
                ('is_active', models.BooleanField(default=True)),
                ('created_at', models.DateTimeField(default=core.clock.now, editable=False)),
            ],
            options={
                'constraints': [models.UniqueConstraint(condition=models.Q(('is_active', True)), fields=('tenant_id', 'provider'), name='one_active_account_per_provider')],
            },
        ),
        migrations.CreateModel(
            name='WebhookSubscription',
            fields=[
                ('id', models.UUIDField(default=core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField(default=core.tenancy.scope.current_tenant_id, editable=False)),
                ('name', models.CharField(max_length=80)),
                ('event_types', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=60), default=list, help_text='Empty: all.', size=None)),
                ('payload_version', models.PositiveSmallIntegerField(default=1, help_text='The version of the document that is sent.')),
                ('version', models.PositiveIntegerField(default=1)),
                ('created_at', models.DateTimeField(default=core.clock.now, editable=False)),
                ('endpoint', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='subscription', to='core.webhookendpoint')),
            ],
            options={
                'verbose_name': 'webhook endpoint',
                'constraints': [models.UniqueConstraint(fields=('tenant_id', 'name'), name='one_webhook_subscription_per_name')],
            },
        ),
    ]
